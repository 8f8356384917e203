"""Which of many texts to read: measured one by one, sifted, ranked, and rated by hand."""
