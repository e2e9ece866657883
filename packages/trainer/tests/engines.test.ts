import { engineTests } from "./engine-promises.ts";
import { heldTensors, plainTfjsEngine } from "./engines.ts";

engineTests(plainTfjsEngine, heldTensors);
