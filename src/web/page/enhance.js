// Reveals what needs a script: copying and printing. Every page works without it.
'use strict';

for (const button of document.querySelectorAll('[data-copy]')) {
  // Browsers offer the clipboard to secure pages only.
  if (!navigator.clipboard) continue;
  const source = document.getElementById(button.dataset.copy);
  const status = button.parentElement.querySelector('[role=status]');
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(source.innerText.trim());
      status.textContent = 'Copied.';
    } catch {
      status.textContent = 'Your browser did not allow it. Please select the text and copy it.';
    }
  });
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => window.print());
}
