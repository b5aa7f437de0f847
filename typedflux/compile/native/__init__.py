"""Native code: a builder of LLVM's language, generators of kernels, the engine that runs them."""
