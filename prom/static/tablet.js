// On the clinic's tablet no page comes back from the browser's memory: it is asked for anew, and then it may be over.
"use strict";
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
