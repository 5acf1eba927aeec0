// Draws the formulas of a saved page where no MathJax has typeset their TeX. JupyterLab and Notebook
// load theirs with the first formula, so there it is never in the way.
(script => {
  const page = script?.closest(".glm");
  if (!page || document.getElementById("jupyter-config-data")) return;
  const draw = async () => {
    const packed = Uint8Array.from(atob(script.dataset.formulas), (char) => char.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const formulas = await new Response(stream).json();
    for (const node of page.querySelectorAll(".glm-x"))
      if (!node.children.length) node.innerHTML = formulas[node.textContent] || node.innerHTML;
  };
  const typeset = () => {
    const mathjax = window.MathJax;
    if (mathjax?.Hub) mathjax.Hub.Queue(draw);
    else Promise.resolve(mathjax?.startup?.promise).then(draw);
  };
  if (document.readyState == "complete") typeset();
  else addEventListener("load", typeset);
})(document.currentScript);
