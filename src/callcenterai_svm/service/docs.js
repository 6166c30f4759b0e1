const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  // Each route shows its own models; the full list starts collapsed.
  defaultModelsExpandDepth: 0,
  // Without it, Swagger UI sends the description to an online validator.
  validatorUrl: null,
});
