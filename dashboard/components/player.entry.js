export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let player;
    let rooms;
    const start = (options) => {
      player = new Player(root, options);
      if (!options.secret) rooms = new Rooms(options.hub, (list) => {
        const room = list?.find((r) => r.id === options.room);
        if (room) player.tellRoom(room);
      });
    };
    const stop = () => { player.close(); rooms?.close(); rooms = null; };
    start(data);
    return {
      update(next) { stop(); start(next); },
      close() { stop(); root.remove(); },
    };
  });
}
