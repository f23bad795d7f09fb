"""The catalogue of models: what each is called, can do, wants to be told and costs; the presets."""
