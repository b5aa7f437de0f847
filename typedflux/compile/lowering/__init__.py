"""From a typed graph to native code: views, groups, kernels, memory, and the program that runs."""
