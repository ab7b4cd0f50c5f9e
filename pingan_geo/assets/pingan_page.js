/* Before the page starts: where the server is, so that a page opened by its own address asks nowhere else first;
   and the language of the document, which decides how Chinese characters are drawn. */
window.__streamlit = { BACKEND_BASE_URL: new URL(".", window.location.href).href };
document.documentElement.lang = new URLSearchParams(window.location.search).get("lang") === "en" ? "en" : "zh-CN";
