"""Other programs' formats: a model is read from one of them or from OpenAI's layout, and written in another."""
