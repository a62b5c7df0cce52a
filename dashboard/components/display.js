// A display's first page: the token behind the # is handed over and leaves the address at once.
const form = document.getElementById("display");
const told = document.getElementById("entering");
const token = decodeURIComponent(location.hash.slice(1));
history.replaceState(null, "", location.pathname + location.search);

async function enter(given) {
  const answer = await fetch("/auth/display", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: given }),
  });
  if (answer.ok) location.replace("/?kiosk=1");
  else told.textContent = told.dataset.refused;
}

form.addEventListener("submit", (event) => { event.preventDefault(); enter(form.elements.token.value); });
if (token) enter(token);
else told.hidden = true;
