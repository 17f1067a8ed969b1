// Makes the pages more comfortable. Nothing here is needed: every page works without it.
"use strict";

(() => {
	// Show and hide a password. The button exists only here, because without a script it could do nothing.
	for (const input of document.querySelectorAll("input[data-show]")) {
		const status = document.querySelector(`[data-for="${input.id}"]`);
		const button = document.createElement("button");
		button.type = "button";
		button.className = "reveal";
		button.setAttribute("aria-controls", input.id);

		const show = (shown) => {
			input.type = shown ? "text" : "password";
			button.textContent = shown ? input.dataset.hide : input.dataset.show;
			button.setAttribute("aria-label", shown ? input.dataset.hideLabel : input.dataset.showLabel);
		};
		show(false);
		button.addEventListener("click", () => {
			const shown = input.type === "password";
			show(shown);
			say(status, shown ? status.dataset.shown : status.dataset.hidden, "quietly");
		});
		// A browser may keep what was typed into a field of type text.
		input.form.addEventListener("submit", () => show(false));
		window.addEventListener("pageshow", () => show(false));
		input.after(button);

		const capsLock = (event) => {
			// Password managers send events that know no keys.
			if (event.getModifierState) {
				say(status, event.getModifierState("CapsLock") ? status.dataset.capslock : "");
			}
		};
		input.addEventListener("keydown", capsLock);
		input.addEventListener("keyup", capsLock);
		input.addEventListener("blur", () => say(status, ""));
	}

	// say changes a live region, which is read out loud when its text changes; quietly means that it need not be seen.
	function say(status, text, quietly) {
		if (status.textContent !== text) {
			status.textContent = text;
		}
		status.classList.toggle("visually-hidden", Boolean(quietly));
	}

	// A form is sent once. The server minds double posts anyway; this spares people the second answer.
	for (const form of document.forms) {
		form.addEventListener("submit", (event) => {
			if (form.dataset.sent) {
				event.preventDefault();
				return;
			}
			// The button stays enabled: a disabled one would not be part of what is sent.
			form.dataset.sent = "yes";
			setTimeout(() => delete form.dataset.sent, 8000);
		});
		window.addEventListener("pageshow", () => delete form.dataset.sent);
	}

	// The summary of what was wrong has autofocus, which older browsers know for fields only.
	window.addEventListener("load", () => requestAnimationFrame(() => {
		if (document.activeElement === document.body) {
			document.getElementById("problem")?.focus();
		}
	}));
})();
