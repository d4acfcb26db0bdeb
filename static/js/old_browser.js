/**
 * No module: browsers that read none of those read this, and say what is wrong instead of waiting for ever. So it
 * has neither names nor functions of today. Where it finds all of this the modules run (docs/embedding.md).
 */

if (
  !(
    "noModule" in document.createElement("script") &&
    "replaceChildren" in document.documentElement &&
    performance.timeOrigin > 0
  )
) {
  document.documentElement.setAttribute("data-too-old", "");
}
