// Passkeys: asks the browser to make one, or to sign in with one. Its forms are hidden until the browser can do that;
// without this script every page works as it is. Nothing is sent anywhere but to our own pages.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials || !window.isSecureContext) return;

  const toBytes = (text) => {
    const plain = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(plain.padEnd(Math.ceil(plain.length / 4) * 4, "=")), (one) => one.charCodeAt(0));
  };
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((each) => ({ ...each, id: toBytes(each.id) }));

  const ways = {
    create: async (asked) => {
      const made = await navigator.credentials.create({
        publicKey: {
          ...asked,
          challenge: toBytes(asked.challenge),
          user: { ...asked.user, id: toBytes(asked.user.id) },
          excludeCredentials: named(asked.excludeCredentials),
        },
      });
      return answer(made, { attestationObject: toText(made.response.attestationObject) });
    },
    get: async (asked) => {
      const found = await navigator.credentials.get({
        publicKey: { ...asked, challenge: toBytes(asked.challenge), allowCredentials: named(asked.allowCredentials) },
      });
      return answer(found, {
        authenticatorData: toText(found.response.authenticatorData),
        signature: toText(found.response.signature),
        userHandle: found.response.userHandle ? toText(found.response.userHandle) : undefined,
      });
    },
  };

  const answer = (credential, more) =>
    JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      clientExtensionResults: {},
      response: { clientDataJSON: toText(credential.response.clientDataJSON), ...more },
    });

  const ask = async (form) => {
    const token = new FormData();
    token.append("csrf_token", form.elements.csrf_token.value);
    const found = await fetch(form.dataset.options, { method: "POST", body: token, credentials: "same-origin" });
    if (!found.ok) throw new Error("no options");
    return ways[form.dataset.passkey](await found.json());
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const problem = form.querySelector("[data-passkey-problem]");
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit]");
      button.disabled = true;
      problem.hidden = true;
      ask(form)
        .then((response) => {
          form.elements.response.value = response;
          form.submit();
        })
        .catch(() => {
          problem.hidden = false;
          button.disabled = false;
          button.focus();
        });
    });
  }
  for (const each of document.querySelectorAll("[data-without-passkeys]")) each.hidden = true;
})();
