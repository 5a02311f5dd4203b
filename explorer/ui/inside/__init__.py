"""Inside: what the generator looked at, what each layer would have drawn, what a prediction depends on."""
