// The rooms' pictures on the wall: nine tiles that play while their screen stands, and let go of the hub when it leaves.
import { h } from "./common.js";
import { Wall } from "./wall.js";

export class Pictures {
  constructor(body, words) {
    this.words = words;
    this.root = h("div.pictures");
    body.append(this.root);
  }

  update({ hub, count, seats }) {
    this.wall ??= new Wall(this.root, { hub, count, filters: {}, words: this.words }, { polls: false });
    this.wall.take(seats);
  }

  close() { this.wall?.close(); }
}
