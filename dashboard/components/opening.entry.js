export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let view = new OpeningView(root, data);
    return {
      update(next) { view.close(); view = new OpeningView(root, next); },
      close() { view.close(); root.remove(); },
    };
  });
}
