"""Where training starts: the linear part of the model, solved."""
