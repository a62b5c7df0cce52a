// The check of a batch of leads that was handed on, as `LeadsCheck` of evidence/verify.py does it.
import { Check } from "./package-check.js";
import { parseHead, parseNote, signedBy, strangeLines } from "./notes.js";
import { hex, sha256 } from "./sha256.js";

export const LEADS_FORMAT = "sunbid-leads-1";
const LEADS_REQUIRED = ["README.md", "keys/desk.vkey", "leads.json", "letter.pdf"];

/** The check of a batch of leads that was handed on: every file is as listed, and the list is signed by the desk. */
export class LeadsCheck extends Check {
  static kind = "leads";
  static form = LEADS_FORMAT;
  static subject = "batch";
  static required = LEADS_REQUIRED;
  static unlisted = ["manifest.json", "signature"];
  static steps = ["manifest", "files", "signature"];

  /** The note over the manifest: how many files it lists, and its SHA-256. This site publishes no desk's key: it is the package's own. */
  async content() {
    const key = await this.ownKey("keys/desk.vkey");
    let good = 0;
    try {
      const note = parseNote(await this.text("signature")), head = parseHead(note.text);
      const signed = key ? (await signedBy(note, key)).signed : false, root = hex(head.root);
      const asListed = root === hex(sha256(await this.raw("manifest.json")));
      for (const line of signed && head.origin === key.name ? strangeLines(note, [key]) : []) this.bad("signature", "line", "extra", { line });
      if (signed === false || head.origin !== key.name) this.bad("signature", "signature", "not_signed");
      else if (!asListed || head.size !== this.listed.size) this.bad("manifest.json", "", "other_list");
      this.unsure ||= signed === null;
      good = signed && asListed ? 1 : 0;
      if (key) this.checkpoint = { size: head.size, root, name: key.name, key: key.id, cosigned: [], published: false };
    } catch { this.bad("signature", "signature", "wrong_signature"); }
    this.count("signature", good, 1);
  }
}
