// What is seen of each text and each mark: its colour over everything behind it, as a ratio, and
// the least that it should be.
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (node) => {
    const chain = [];
    for (let at = node; at; at = at.parentElement) chain.unshift(at);
    let colour = [255, 255, 255];
    for (const at of chain) colour = over(rgba(getComputedStyle(at).backgroundColor), colour);
    return colour;
  };
  const opacity = (node) => {
    let all = 1;
    for (let at = node; at; at = at.parentElement) all *= +getComputedStyle(at).opacity;
    return all;
  };
  const seen = (node) => node.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })
    && node.getBoundingClientRect().width > 2 && getComputedStyle(node).clipPath === "none";
  const results = [];
  for (const root of document.querySelectorAll(".glm")) {
    for (const node of root.querySelectorAll("*")) {
      if (!seen(node) || node.matches("style, script, svg *")) continue;
      const style = getComputedStyle(node), back = behind(node), alpha = opacity(node);
      const about = (node.className.baseVal ?? node.className) + " " + node.tagName;
      const measure = (colour, least, what) => {
        const [r, g, b, a] = rgba(colour);
        if (alpha) results.push([Math.round(100 * ratio(over([r, g, b, a * alpha], back), back)) / 100, least, about, what]);
      };
      const text = [...node.childNodes].filter((child) => child.nodeType === 3 && child.data.trim());
      if (text.length && !node.disabled) measure(style.color, 4.5, text[0].data.trim().slice(0, 20));
      if (node.matches(".glm-se")) measure(getComputedStyle(node, "::placeholder").color, 4.5, "placeholder");
      const sign = getComputedStyle(node, "::before");
      if (!["none", "normal"].includes(sign.content)) measure(sign.color, 3, "sign");
      if (node.matches(".glm-dot")) {
        const parent = behind(node.parentElement);
        results.push([Math.round(100 * ratio(over(rgba(style.backgroundColor), parent), parent)) / 100, 3, about, "dot"]);
      }
      if (node.matches(".glm-y i"))
        for (const colour of style.backgroundImage.match(/rgb[a]?\([^)]*\)/g)) measure(colour, 3, "bar");
    }
  }
  return results;
}
