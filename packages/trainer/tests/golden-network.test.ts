import { goldenNetworks } from "../../unet-model/tests/golden-networks.ts";
import { engines, plainTfjsEngine } from "./engines.ts";
import { goldenNetworkTests } from "./golden-network-tests.ts";

for (const engine of engines) {
  // TensorFlow.js in plain JavaScript takes the three networks of the clone, a second each
  const networks = engine === plainTfjsEngine ? goldenNetworks.slice(0, 3) : goldenNetworks;
  for (const network of networks) goldenNetworkTests(engine, network);
}
