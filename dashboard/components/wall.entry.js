export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    const wall = new Wall(root, data);
    return {
      update: (next) => wall.update(next),
      close() { wall.close(); root.remove(); },
    };
  });
}
