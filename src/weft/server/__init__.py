"""The live server: spaces that people and programs watch and steer over HTTP, while they compute."""
