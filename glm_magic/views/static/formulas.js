// Draws the formulas of saved pages where no MathJax has typeset their TeX. JupyterLab and Notebook
// load theirs with the first formula, so there it is never in the way.
(() => {
  if (document.getElementById("jupyter-config-data")) return;

  async function draw(script) {
    const packed = Uint8Array.from(atob(script.dataset.formulas), (char) => char.charCodeAt(0));
    script.removeAttribute("data-formulas");
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const formulas = await new Response(stream).json();
    for (const node of script.closest(".glm").querySelectorAll(".glm-x"))
      if (!node.children.length) node.innerHTML = formulas[node.textContent] || node.innerHTML;
  }

  // VS Code runs a copy of a script, without its attributes and outside of the page, which stays.
  const drawAll = () => document.querySelectorAll(".glm script[data-formulas]").forEach(draw);

  function typeset() {
    const mathjax = window.MathJax;
    if (mathjax?.Hub) mathjax.Hub.Queue(drawAll);
    else Promise.resolve(mathjax?.startup?.promise).then(drawAll);
  }

  if (document.readyState == "complete") typeset();
  else addEventListener("load", typeset);
})();
