"""The gateways: what we ask of them, how they answer, what their answers mean."""
