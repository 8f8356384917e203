"""The ground floor: files, processes, terminals, machines. Knows neither verse nor models."""
