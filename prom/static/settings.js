/* The live preview of the text editor: the server counts, this only asks and shows. Without it the Preview button does. */
(function () {
  "use strict";
  var form = document.getElementById("editor");
  var place = document.getElementById("preview");
  if (!form || !place || !window.fetch) return;
  var field = form.elements.text;
  var waiting = 0;
  var asked = 0;
  function show() {
    var mine = ++asked;
    fetch(form.dataset.preview, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Preview": "1" },
      credentials: "same-origin",
      redirect: "error",
    })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(); })
      .then(function (html) { if (mine === asked) place.innerHTML = html; })
      .catch(function () { /* The Preview button still works. */ });
  }
  field.addEventListener("input", function () {
    clearTimeout(waiting);
    waiting = setTimeout(show, 400);
  });
})();
