// Chooses the theme before the first paint; a file of its own because nothing inline may run.
try {
  const chosen = localStorage.getItem('boucle.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Without storage the system's theme holds.
}
