// Style sheets of single views, asked for with the view.
// Knows nothing of what they say.

const asked = new Map();

/** A view's `load`, which also waits for a style sheet of this folder. */
export const withSheet = (path, load) => async () => {
  const [module] = await Promise.all([load(), sheet(path)]);
  return module;
};

/** One style sheet, once; what cannot be had is asked for again the next time. */
function sheet(path) {
  if (!asked.has(path)) {
    asked.set(
      path,
      new Promise((done, failed) => {
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = `/static/${path}`;
        link.onload = () => done();
        link.onerror = () => {
          asked.delete(path);
          link.remove();
          failed(new Error(`The style sheet ${path} could not be loaded.`));
        };
        document.head.append(link);
      }),
    );
  }
  return asked.get(path);
}
