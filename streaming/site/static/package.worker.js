// Checks a package off the page's thread, so that the page goes on answering.
import { parseKey } from "./notes.js";
import { NoPackage, checkOf } from "./package.js";

const EVERY = 80; // milliseconds between two tellings of the same step

onmessage = async ({ data: { file, keys } }) => {
  let told = 0;
  const tell = (step, done, total, end) => {
    if (!end && performance.now() - told < EVERY) return;
    told = performance.now();
    postMessage({ step, done, total, end });
  };
  try {
    const check = await checkOf(file, keys.map(parseKey).filter(Boolean), tell);
    postMessage({ steps: check.constructor.steps });
    postMessage({ verdict: await check.run() });
  } catch (error) {
    if (!(error instanceof NoPackage)) console.error(error);
    postMessage({ failed: error instanceof NoPackage ? "no_package" : "failed" });
  }
};
