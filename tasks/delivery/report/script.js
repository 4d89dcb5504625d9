"use strict";
(() => {
  const chosen = { status: "", scene: "" };
  const buttons = [...document.querySelectorAll("[data-filter]")];
  const products = [...document.querySelectorAll(".product")];
  const nothing = document.querySelector("main .nothing");

  const fits = (card) =>
    (!chosen.status || card.dataset.status === chosen.status) && (!chosen.scene || card.dataset.scene === chosen.scene);

  const show = () => {
    let count = 0;
    for (const product of products) {
      let here = 0;
      for (const card of product.querySelectorAll(".card")) {
        card.hidden = !fits(card);
        here += card.hidden ? 0 : 1;
      }
      product.hidden = here === 0;
      count += here;
    }
    if (nothing) nothing.hidden = count > 0;
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const { filter, value } = button.dataset;
      chosen[filter] = value;
      for (const other of buttons) {
        if (other.dataset.filter === filter) other.setAttribute("aria-pressed", String(other === button));
      }
      show();
    });
  }

  // a phone has no hover: a tap on the badge opens the values, another tap anywhere closes them
  document.addEventListener("click", (event) => {
    const badge = event.target.closest(".badge");
    for (const other of document.querySelectorAll('.badge[aria-expanded="true"]')) {
      if (other !== badge) other.setAttribute("aria-expanded", "false");
    }
    if (badge) badge.setAttribute("aria-expanded", String(badge.getAttribute("aria-expanded") !== "true"));
  });
})();
