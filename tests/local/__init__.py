"""The small real model, run by llama.cpp's own server."""
