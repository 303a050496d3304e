// The plain page: services, their health and the timeline, live. It uses the public interface and
// nothing else; texts are set as text, never as HTML.
'use strict';
(async () => {
  const french = navigator.language.startsWith('fr');
  const texts = french
    ? { repository: 'Dépôt', environment: 'Environnement', health: 'Santé', verdict: 'Verdict',
        version: 'Version', waits: 'Attend', services: 'Services', timeline: 'Chronologie',
        live: 'en direct', gone: 'connexion perdue, nouvel essai…',
        used: 'Ce lien a servi ou a expiré. Redémarrez le serveur pour en obtenir un autre.' }
    : { repository: 'Repository', environment: 'Environment', health: 'Health', verdict: 'Verdict',
        version: 'Version', waits: 'Waits for', services: 'Services', timeline: 'Timeline',
        live: 'live', gone: 'connection lost, trying again…',
        used: 'This link was used or is too old. Start the server again to get another one.' };
  document.documentElement.lang = french ? 'fr' : 'en';
  for (const cell of document.querySelectorAll('[data-text]')) cell.textContent = texts[cell.dataset.text];
  document.getElementById('services').textContent = texts.services;
  document.getElementById('timeline').textContent = texts.timeline;
  const state = document.getElementById('state');

  if (location.hash.length > 1) {
    const answer = await fetch('/setup', { method: 'POST', body: location.hash.slice(1) });
    history.replaceState(null, '', '/');
    if (!answer.ok) { state.textContent = texts.used; return; }
  }

  const cell = (text, kind) => {
    const element = document.createElement('td');
    element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const symbols = { healthy: ['✓ ', 'good'], degraded: ['✗ ', 'bad'], sick: ['✗ ', 'bad'],
    progressing: ['… ', 'wait'], inconclusive: ['? ', 'wait'], missing: ['– ', 'wait'] };
  const marked = (text) => {
    const [symbol, kind] = symbols[text] || ['', ''];
    return cell(text ? symbol + text : '', kind);
  };
  const show = async () => {
    const answer = await fetch('/api/v1/status');
    if (answer.status === 401) { state.textContent = texts.used; return false; }
    const status = await answer.json();
    const rows = status.environments.map((one) => {
      const row = document.createElement('tr');
      const digests = one.artifacts.map((a) => (a.digest || '').replace('sha256:', '').slice(0, 10));
      row.append(cell(one.repository), cell(one.name), marked(one.health), marked(one.verdict || ''),
        cell(digests.join(' '), 'version'), cell(one.waiting_on.map((r) => r.message).join('; ')));
      return row;
    });
    document.getElementById('environments').replaceChildren(...rows);
    return true;
  };
  const facts = document.getElementById('facts');
  const line = (fact) => {
    const item = document.createElement('li');
    const time = document.createElement('time');
    time.dateTime = fact.at;
    time.title = fact.at;
    time.textContent = new Date(fact.at).toLocaleTimeString();
    const who = document.createElement('span');
    who.className = 'who';
    who.textContent = fact.actor;
    const what = document.createElement('span');
    what.className = 'what';
    const reason = fact.reason ? ' — ' + fact.reason : '';
    what.textContent = fact.kind.replace('.', ': ').replaceAll('_', ' ') + ' · ' + fact.subject + reason;
    item.append(time, who, what);
    return item;
  };
  if (!(await show())) return;
  const page = await (await fetch('/api/v1/facts?limit=100&order=newest')).json();
  facts.replaceChildren(...page.items.map(line));
  let due = false;
  const stream = new EventSource('/api/v1/events?after=' + (page.items[0] ? page.items[0].sequence : 0));
  stream.onopen = () => { state.textContent = texts.live; };
  stream.onerror = () => { state.textContent = texts.gone; };
  stream.addEventListener('fact', (event) => {
    facts.prepend(line(JSON.parse(event.data)));
    while (facts.children.length > 300) facts.lastChild.remove();
    if (due) return;
    due = true;
    requestAnimationFrame(async () => { due = false; await show(); });
  });
})();
