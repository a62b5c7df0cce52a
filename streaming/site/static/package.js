// Opens an evidence package in this browser and finds the check that fits it.
import { Check, FORMAT, LARGEST } from "./package-check.js";
import { parsed } from "./package-format.js";
import { LEADS_FORMAT, LeadsCheck } from "./package-leads.js";
import { content, zipOf } from "./zip.js";

/** What was given is no evidence package, and none that was damaged. */
export class NoPackage extends Error {}

/** A package as it lies in the zip: its files, the names that come twice, those that cannot be unpacked, what is wrong with the zip. */
async function opened(file) {
  const zip = await zipOf(file), found = { blobs: new Map(), crcs: new Map(), double: zip.double, faults: zip.faults, unreadable: [], bytes: file.size };
  for (const [name, entry] of zip.entries) {
    found.crcs.set(name, entry.crc);
    try { found.blobs.set(name, await content(file, entry)); } catch { found.unreadable.push(name); }
  }
  return found;
}

async function formOf({ blobs }) {
  try {
    const { format } = parsed(await blobs.get("manifest.json").slice(0, LARGEST).arrayBuffer());
    return typeof format === "string" ? format : undefined;
  } catch { return undefined; }
}

/** The check that fits a zip: of an opening's package, or of a batch of leads. Throws NoPackage. */
export async function checkOf(file, keys, tell) {
  const found = await opened(file), form = await formOf(found);
  const telling = [...Check.required, ...LeadsCheck.required].filter((name) => name !== "README.md");
  const names = new Set([...found.blobs.keys(), ...found.unreadable]);
  if (!telling.some((name) => names.has(name)) && ![FORMAT, LEADS_FORMAT].includes(form)) throw new NoPackage("no manifest");
  const leads = form === LEADS_FORMAT || (form === undefined && names.has("leads.json"));
  return new (leads ? LeadsCheck : Check)(found, keys, tell);
}
