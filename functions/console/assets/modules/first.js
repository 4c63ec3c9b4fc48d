// Before the first paint: colours and language as the person chose them. A classic script, as modules come too late.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("signalbox.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    const language = localStorage.getItem("signalbox.language");
    if (language === "da" || language === "en") root.lang = language;
  } catch {
    // Storage may be forbidden; then everything is as it comes.
  }
})();
