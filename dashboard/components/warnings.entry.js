export default function (component) {
  return mount(component, (parent, data) => {
    const root = h("div.sunbid");
    parent.append(root);
    let desk = new WarningDesk(root, data);
    return {
      update(next) {
        if (next.counts_only !== desk.data.counts_only || next.words.english !== desk.data.words.english) { desk.close(); desk = new WarningDesk(root, next); } else desk.update(next);
      },
      close() { desk.close(); root.remove(); },
    };
  });
}
