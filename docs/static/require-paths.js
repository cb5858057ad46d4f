// Read by require.js when it loads: where anywidget lies, whatever the folder of the page.
var require = {
  paths: { anywidget: new URL("anywidget/index", document.currentScript.src).href },
};
