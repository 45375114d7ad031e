import { setText } from './format.js';

const NO_ANSWER = 'The API does not answer. The request may have been carried out: check before you try again.';

export const fieldsOf = (form) => [...form.querySelectorAll('input')];

const clearErrors = (form) => {
  for (const input of fieldsOf(form)) showError(form, input.name, '');
  setText(form.querySelector('.result'), '');
};

/** Opens a dialog with its form, without what was said before. Returns the form. */
export const openDialog = (dialog) => {
  const form = dialog.querySelector('form');
  clearErrors(form);
  dialog.showModal();
  return form;
};

/** Connects the buttons that open and close dialogs. */
export const prepareDialogs = () => {
  for (const opener of document.querySelectorAll('[data-opens]'))
    opener.addEventListener('click', () => openDialog(document.getElementById(opener.dataset.opens)));
  for (const dialog of document.querySelectorAll('dialog'))
    dialog.querySelector('[type="button"]').addEventListener('click', () => dialog.close());
};

const showError = (form, name, text) => {
  const input = form.elements.namedItem(name);
  input.setAttribute('aria-invalid', String(text !== ''));
  setText(document.getElementById(input.getAttribute('aria-describedby')), text);
};

/** The field that a problem is about, where its text does not begin with the name of the field. */
const FIELDS = { name_taken: 'name', amount_below_claimed: 'amount' };

/** Shows a problem next to the field that it names, or below the form. */
const showProblem = (form, { code, detail, title }) => {
  const named = FIELDS[code] ?? fieldsOf(form).find(({ name }) => detail.startsWith(`${name} `))?.name;
  if (!named || !form.elements.namedItem(named)) {
    setText(form.querySelector('.result'), detail || title);
    return;
  }
  const rest = detail.startsWith(`${named} `) ? detail.slice(named.length + 1) : detail;
  refuse(form, named, rest.charAt(0).toUpperCase() + rest.slice(1));
};

/** Shows what is wrong with a field, and goes there. */
const refuse = (form, name, text) => {
  showError(form, name, text);
  form.elements.namedItem(name).focus();
};

/** The number; or the text where it is no number, so that the API says what is wrong; undefined where it is empty. */
export const numberOf = (text) => {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
};

/**
 * Sends the content of a form as JSON. Resolves to the answer; to undefined where it is a problem, which it shows with the form.
 * `sentences` has texts for problems, by code, that say more here than the API's own.
 */
export const sendJson = async (form, { method, path, body, sentences = {} }) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(path, { method, headers, body: JSON.stringify(body) });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ code: '', detail: `The API answered ${response.status}.` }));
  showProblem(form, { ...problem, detail: sentences[problem.code] ?? problem.detail });
  return undefined;
};

/** Sends a form, once at a time. Shows a message where the API does not answer. */
export const onSubmit = (form, send) => {
  const button = form.querySelector('button[type="submit"]');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') return;
    clearErrors(form);
    // A field that has only a part of a time looks empty to a script.
    const incomplete = fieldsOf(form).find(({ validity }) => validity.badInput);
    if (incomplete) {
      refuse(form, incomplete.name, 'Is not a whole date and time.');
      return;
    }
    button.setAttribute('aria-disabled', 'true');
    try {
      await send();
    } catch {
      setText(form.querySelector('.result'), NO_ANSWER);
    } finally {
      button.setAttribute('aria-disabled', 'false');
    }
  });
};
