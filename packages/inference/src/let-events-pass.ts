/**
 * Lets clicks and messages be heard before the next run of a network: onnxruntime-web computes on the thread that calls it,
 * and its promises alone would keep everything else waiting until the whole image is done. A message to itself takes
 * microseconds, where a timer of a browser takes 4 ms, or a second in a tab behind others.
 */
export function letEventsPass(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    // As browsers know a port; Node's types call it otherwise.
    (port1 as { onmessage?: () => void }).onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
