// Swagger UI has dark colours, but only its own header, which this page lacks, turns them on.
const darkness = matchMedia('(prefers-color-scheme: dark)');
const setColors = () => document.documentElement.classList.toggle('dark-mode', darkness.matches);

darkness.addEventListener('change', setColors);
setColors();
