/** What to do where onnxruntime has no CUDA, for the networks that are trained and those that predict. */
export const installCudaFiles =
  "install onnxruntime's CUDA files (Linux, CUDA 12, cuDNN 9): ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js " +
  '(for CUDA 13 see README.md, "CPU, GPU")';
