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

	// The time until another code may be asked for runs down in sight. It is read out when it is over, and not at every second.
	for (const hint of document.querySelectorAll("[data-wait]")) {
		const status = document.querySelector(`[data-for="${hint.id}"]`);
		const over = Date.now() + hint.dataset.wait * 1000;
		const tick = () => {
			const left = Math.ceil((over - Date.now()) / 1000);
			if (left > 0) {
				const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
				hint.textContent = hint.dataset.tick.replace("%time%", time);
				setTimeout(tick, over - Date.now() - (left - 1) * 1000);
				return;
			}
			hint.textContent = hint.dataset.now;
			status.textContent = hint.dataset.now;
		};
		tick();
	}

	// Buttons that copy and print exist only here, too.
	for (const row of document.querySelectorAll("[data-copy]")) {
		const button = (label) => {
			const made = document.createElement("button");
			made.type = "button";
			made.className = "button small";
			made.textContent = label;
			return made;
		};
		const status = document.createElement("span");
		status.className = "hint";
		status.setAttribute("role", "status");
		const copy = button(row.dataset.copyLabel);
		copy.addEventListener("click", async () => {
			const source = document.querySelector(row.dataset.copy);
			const lines = source.matches("ul") ? [...source.children] : [source];
			try {
				await navigator.clipboard.writeText(lines.map((line) => line.textContent.trim()).join("\n"));
				status.textContent = row.dataset.copied;
			} catch { // not allowed: then it is marked, to be copied by hand
				getSelection().selectAllChildren(source);
			}
		});
		row.prepend(copy);
		if (row.dataset.printLabel) {
			const print = button(row.dataset.printLabel);
			print.addEventListener("click", () => window.print());
			row.append(print);
		}
		row.append(status);
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

	// The way to another site is gone by itself, but not by whoever comes back from there.
	const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
	const moves = document.querySelector("form[data-moves]");
	if (moves && !back) {
		moves.requestSubmit();
	}

	// The summary of what was wrong has autofocus, which older browsers know for fields only.
	window.addEventListener("load", () => requestAnimationFrame(() => {
		if (document.activeElement === document.body) {
			document.getElementById("problem")?.focus();
		}
	}));
})();
