// A one-time link carries its secret behind the # sign, which browsers send to nobody: this puts it into the form,
// takes it out of the address bar and sends the form. Without this script it can be pasted.
(() => {
  "use strict";
  const form = document.querySelector("form[data-one-time]");
  const take = () => {
    const secret = window.location.hash.slice(1);
    if (!form || !secret || secret === "main") return; // #main is the way past the navigation
    window.history.replaceState(null, "", window.location.pathname);
    form.elements.token.value = secret;
    form.submit();
  };
  window.addEventListener("hashchange", take); // the link opened where the page is open already
  take();
})();
