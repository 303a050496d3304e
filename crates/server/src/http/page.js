// The plain page: services, their health and the timeline, live. It uses the public interface and
// nothing else; texts are set as text, never as HTML.
'use strict';
(async () => {
  const french = navigator.language.startsWith('fr');
  const language = /^(fr|en)/.test(navigator.language) ? navigator.language : 'en';
  const pick = (pair) => pair[french ? 1 : 0];
  const TEXTS = {
    repository: ['Repository', 'Dépôt'], environment: ['Environment', 'Environnement'],
    health: ['Health', 'Santé'], verdict: ['Verdict', 'Verdict'], version: ['Version', 'Version'],
    waits: ['Waits for', 'Attend'], services: ['Services', 'Services'],
    timeline: ['Timeline', 'Chronologie'], every: ['Every step', 'Toutes les étapes'],
    live: ['● live', '● en direct'], gone: ['connection lost, trying again…', 'connexion perdue, nouvel essai…'],
    ended: ['no longer live: load the page again', 'plus en direct : rechargez la page'],
    nothing: ['Nothing is deployed yet: push a repository with a boucle.yaml.',
      'Rien n’est encore déployé : poussez un dépôt avec un boucle.yaml.'],
    used: ['This link was used before or is too old. Stop the server with Ctrl-C and start it again with `boucle up`: '
      + 'it prints a new link, and the data stays.',
      'Ce lien a déjà servi ou a expiré. Arrêtez le serveur avec Ctrl-C et relancez-le avec `boucle up` : '
      + 'il affiche un nouveau lien, et les données restent.'],
    elsewhere: ['The link works only on the server’s machine, at the address that `boucle up` printed.',
      'Le lien ne fonctionne que sur la machine du serveur, à l’adresse affichée par `boucle up`.'],
    signedOut: ['You are not signed in. Open the link that `boucle up` printed; if it was used, start the server again.',
      'Vous n’êtes pas connecté. Ouvrez le lien affiché par `boucle up` ; s’il a servi, redémarrez le serveur.'],
    failed: ['The server does not answer as expected. Is it running? Then load the page again.',
      'Le serveur ne répond pas comme prévu. Tourne-t-il ? Rechargez ensuite la page.'],
    open: ['Incident {id}, open: {environment}', 'Incident {id}, ouvert : {environment}'],
    resolved: ['Incident {id}, resolved: {environment}', 'Incident {id}, résolu : {environment}'],
    cause: ['Likely cause', 'Cause probable'], rollback: ['Rolled back by', 'Annulé par'], next: ['Next', 'Ensuite'],
    began: ['Began', 'Début'], ends: ['Ended', 'Fin'], more: ['More', 'Plus'], pull: ['pull request', 'demande de fusion'],
    at: ['When', 'Quand'], actor: ['Who', 'Qui'], subject: ['About', 'Sujet'], kind: ['Kind', 'Type'],
    reason: ['Why', 'Pourquoi'], sequence: ['Number', 'Numéro'], quarantined: ['in quarantine', 'en quarantaine'],
  };
  const text = (name) => pick(TEXTS[name]);
  // Codes in French; in English a code says itself, except where there are two texts.
  const WORDS = { healthy: 'sain', sick: 'malade', inconclusive: 'indécis', progressing: 'en cours', degraded: 'dégradé',
    missing: 'absent', suspended: 'suspendu', unknown: 'inconnu', success: 'réussi', failure: 'échoué', cancelled: 'annulé',
    skipped: 'sans objet', queued: 'en file', running: 'en cours', met: 'tenu', burning: 'dépassé', automatic: 'automatique',
    approved: 'approuvé', requested: 'demandé', approve: 'accord', 'request-changes': 'changements demandés',
    comment: 'commentaire', 'healthy-revision': 'version saine', recovered: 'rétabli', reverted: 'annulé',
    'objective-burning': 'objectif dépassé', 'probe-failing': 'sonde en échec', 'workload-degraded': 'charge dégradée',
    'restarts-too-many': 'trop de redémarrages', 'window-open': ['still measuring', 'mesure en cours'],
    'gate-open': ['not passed yet', 'pas encore passé'], 'little-traffic': 'peu de trafic', 'no-data': 'pas de données',
    'not-verified-before': ['not verified yet', 'pas encore vérifié'], 'workload-progressing': 'charge en cours',
    'not-deployed-before': ['not deployed yet', 'pas encore déployé'], 'skipped-by-condition': 'sauté par sa condition',
    'artifact-not-promoted': 'artefact pas encore promu', 'approval-missing': 'accord manquant',
    'earlier-promotion-running': 'promotion précédente en cours', frozen: 'gelé' };
  // What a fact means, from its kind: how it is shown, then the sentence in both languages.
  const FACTS = {
    'control.promoted': ['✓ good', '{artifact} {digest} goes into {environment}', '{artifact} {digest} passe en {environment}'],
    'control.promotion_proposed': ['→', 'Pull request #{pull_request} proposes {artifact} {digest} for {environment}',
      'La demande de fusion nº {pull_request} propose {artifact} {digest} pour {environment}'],
    'control.promotion_waiting': ['… wait', '{artifact} {digest} waits to enter {environment}: {reasons}',
      '{artifact} {digest} attend d’entrer en {environment} : {reasons}'],
    'control.promotion_held': ['✗ bad', '{artifact} {digest} is kept out of {environment}: {reason}',
      '{artifact} {digest} n’entre pas en {environment} : {reason}'],
    'control.rolled_back': ['↩ bad loud', 'Rollback of {environment} ({rule}): {bad_commit} is taken back by {revert_commit}',
      'Retour arrière de {environment} ({rule}) : {bad_commit} est annulé par {revert_commit}'],
    'control.rollback_refused': ['✗ bad', 'No rollback of {environment}: {reasons}', 'Pas de retour arrière de {environment} : {reasons}'],
    'control.rollback_asked': ['? wait loud', 'May {environment} be rolled back? A person decides',
      'Faut-il revenir en arrière en {environment} ? Une personne décide'],
    'control.rollback_approved': ['✓ good', 'The rollback of {environment} is allowed', 'Le retour arrière de {environment} est permis'],
    'control.rollback_requested': ['→', 'A rollback of {environment} is asked for', 'Un retour arrière de {environment} est demandé'],
    'control.promotion_approved': ['✓ good', '{digest} is approved for {environment}', '{digest} est approuvé pour {environment}'],
    'control.quarantined': ['✗ bad', '{digest} ({revision}) goes into quarantine and is not promoted again',
      '{digest} ({revision}) est mis en quarantaine et ne sera plus promu'],
    'control.quarantine_lifted': ['✓ wait', '{digest} leaves quarantine: {why}', '{digest} sort de quarantaine : {why}'],
    'control.automation_held': ['✗ bad', 'Promotions into {environment} stop: {reason}', 'Les promotions vers {environment} s’arrêtent : {reason}'],
    'control.automation_resumed': ['✓ good', 'Promotions into {environment} go on', 'Les promotions vers {environment} reprennent'],
    'monitoring.incident_opened': ['! bad loud', 'Incident {incident}: {application} is sick: {cases}',
      'Incident {incident} : {application} est malade : {cases}'],
    'monitoring.incident_resolved': ['✓ good loud', 'Incident {incident} is resolved: {resolution}', 'L’incident {incident} est résolu : {resolution}'],
    'monitoring.evidence_saved': ['→', 'Evidence of {application} is saved: {summary}', 'Les preuves de {application} sont gardées : {summary}'],
    'monitoring.objective_changed': ['→', 'Objective {objective} in {environment}: {state}', 'Objectif {objective} en {environment} : {state}'],
    'monitoring.assessed': ['minor', '{application} is assessed as {verdict}: {cases}', '{application} est évalué : {verdict} ; {cases}'],
    'monitoring.incident_updated': ['minor', 'Incident {incident} goes on: {cases}', 'L’incident {incident} continue : {cases}'],
    'monitoring.notification_failed': ['✗ bad', 'A notification of {target} failed: {problem}', 'Un avis à {target} a échoué : {problem}'],
    'deployments.health_changed': ['→', '{application} is {status}: {message}', '{application} : {status} ; {message}'],
    'deployments.applied': ['→', '{application} is deployed: {outcome}', '{application} est déployé : {outcome}'],
    'deployments.apply_failed': ['✗ bad', 'Deploying {application} failed: {problem}', 'Le déploiement de {application} a échoué : {problem}'],
    'deployments.render_failed': ['✗ bad', '{application} cannot be rendered at {commit}: {problem}',
      '{application} ne peut être rendu à {commit} : {problem}'],
    'deployments.plan_blocked': ['… wait', '{application} is not deployed yet: {reasons}', '{application} n’est pas encore déployé : {reasons}'],
    'deployments.planned': ['minor', 'A deployment of {application} is planned', 'Un déploiement de {application} est prévu'],
    'deployments.rendered': ['minor', '{application} is rendered from {commit}', '{application} est rendu depuis {commit}'],
    'deployments.application_declared': ['→', '{application} is declared by {repository}', '{application} est déclaré par {repository}'],
    'deployments.drift_found': ['✗ wait', '{application} differs from what was deployed', '{application} diffère de ce qui a été déployé'],
    'deployments.drift_repaired': ['✓ good', 'What differed in {application} is put back', 'L’écart de {application} est corrigé'],
    'pipelines.run_created': ['minor', 'Run {run} of {source} is there', 'Exécution {run} de {source} créée'],
    'pipelines.run_ended': ['→', 'Run {run} ended: {conclusion}', 'Exécution {run} terminée : {conclusion}'],
    'pipelines.job_ended': ['minor', 'Job {job} of run {run} ended: {conclusion}', 'Tâche {job} de l’exécution {run} terminée : {conclusion}'],
    'pipelines.step_ended': ['minor', 'Step “{name}” of {job}: {conclusion}', 'Étape « {name} » de {job} : {conclusion}'],
    'pipelines.artifact_published': ['✓ good', '{name} {digest} is built from {commit}', '{name} {digest} est construit depuis {commit}'],
    'repositories.repository_created': ['→', 'Repository {repository} is there', 'Le dépôt {repository} est créé'],
    'repositories.pull_request_opened': ['→', 'Pull request #{number} is opened: {title}', 'Demande de fusion nº {number} ouverte : {title}'],
    'repositories.pull_request_merged': ['→', 'Pull request #{number} is merged', 'Demande de fusion nº {number} fusionnée'],
    'repositories.pull_request_closed': ['→', 'Pull request #{number} is closed', 'Demande de fusion nº {number} fermée'],
    'repositories.reviewed': ['→', 'Review of pull request #{number}: {verdict}', 'Relecture de la demande nº {number} : {verdict}'],
    'repositories.push_refused': ['✗ bad', 'A push to {reference} is refused: {reasons}', 'Un envoi vers {reference} est refusé : {reasons}'],
    'repositories.ref_moved': ['minor', '{reference} moves to {new}', '{reference} passe à {new}'],
    'repositories.check_reported': ['minor', 'Check {name} of {commit}: {state}', 'Contrôle {name} de {commit} : {state}'],
    'repositories.access_denied': ['✗ wait', 'Access to {resource} is denied', 'L’accès à {resource} est refusé'],
    'repositories.token_created': ['minor', 'A token for {name} is made', 'Un jeton pour {name} est créé'],
  };
  const short = (word) => word.replace('sha256:', '').replace(/^[0-9a-f]{40,}$/, (id) => id.slice(0, 10));
  const word = (code) => {
    const known = WORDS[code.replaceAll('_', '-')];
    if (Array.isArray(known)) return pick(known);
    return (french && known) || (/^[a-z]+([-_][a-z]+)+$/.test(code) ? code.replace(/[-_]/g, ' ') : short(code));
  };
  const value = (given) => {
    if (given === null || given === undefined) return '';
    if (Array.isArray(given)) return given.map(value).join('; ');
    if (typeof given !== 'object') return short(String(given));
    const what = given.why || given.sentence || word(given.reason || given.code || given.state || given.resolution || given.name || '');
    const about = given.objective || given.probe || given.gate || (given.why ? '' : given.environment) || given.severity;
    return about ? `${what} (${about})` : what;
  };
  const coded = ['status', 'verdict', 'conclusion', 'rule', 'state'];
  const fill = (sentence, fields) => sentence.replace(/\{(\w+)\}/g, (_, name) => {
    const given = fields[name];
    return coded.includes(name) && typeof given === 'string' ? word(given) : value(given);
  }).replace(/[\s:;]+$/, '');
  const make = (tag, content, kind) => {
    const element = document.createElement(tag);
    if (Array.isArray(content)) element.append(...content); else element.textContent = content;
    if (kind) element.className = kind;
    return element;
  };
  const exact = (at) => new Date(at).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'medium' });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
  const ago = (at) => {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
    const [unit, length] = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]].find(([, size]) => seconds >= size) || ['second', 1];
    return relative.format(-Math.floor(seconds / length), unit);
  };
  const clock = (at) => Object.assign(make('time', ago(at)), { dateTime: at, title: exact(at) });
  const pairs = (entries) => make('dl', entries.filter(([, content]) => content).flatMap(([name, content]) => [make('dt', text(name)), make('dd', content)]));
  const state = document.getElementById('state');
  const notice = document.getElementById('notice');
  const tell = (name) => { notice.textContent = text(name); notice.hidden = false; state.textContent = ''; };
  const ask = async (path) => {
    const answer = await fetch('/api/v1/' + path);
    if (!answer.ok) throw new Error(path);
    return answer.json();
  };

  const symbols = { healthy: '✓ good', degraded: '✗ bad', sick: '✗ bad', progressing: '… wait', inconclusive: '? wait', missing: '– wait' };
  const marked = (code) => {
    const [symbol, kind] = (symbols[code] || '').split(' ');
    return code ? make('span', (symbol ? symbol + ' ' : '') + word(code), kind) : '';
  };
  const version = (one) => one.artifacts.filter((artifact) => artifact.digest).map((artifact) => {
    const code = make('code', short(artifact.digest).slice(0, 10));
    const kept = one.quarantined.includes(artifact.digest) ? [make('span', ' ✗ ' + text('quarantined'), 'bad')] : [];
    return make('div', [code, ...kept]);
  });
  const row = (one) => {
    const cells = { repository: one.repository, environment: one.name, health: [marked(one.health)],
      verdict: [marked(one.verdict)], version: version(one), waits: one.waiting_on.map((reason) => reason.message).join('; ') };
    return Object.assign(make('tr', Object.entries(cells).map(([name, content]) => {
      const cell = Object.assign(make('td', content), { role: 'cell' });
      cell.dataset.label = text(name);
      return cell;
    })), { role: 'row' });
  };
  const incident = document.getElementById('incident');
  let shownIncident = '';
  const showIncident = (one) => {
    const recent = one && (one.state === 'open' || Date.now() - Date.parse(one.resolved_at) < 86400e3);
    incident.hidden = !recent;
    const now = recent ? JSON.stringify(one) : '';
    if (now === shownIncident) return;
    shownIncident = now;
    if (!recent) return;
    incident.className = one.state === 'open' ? 'bad' : 'good';
    const suspect = one.suspect || {};
    const cause = [suspect.pull_request && `${text('pull')} #${suspect.pull_request}`, suspect.author, suspect.commit && short(suspect.commit)];
    const title = make('p', one.title);
    title.lang = 'en';
    incident.replaceChildren(make('h2', fill(text(one.state), one)), title, pairs([
      ['cause', cause.filter(Boolean).join(' · ')], ['rollback', one.revert_commit && short(one.revert_commit)],
      ['next', one.next.join('; ')], ['began', exact(one.opened_at)], ['ends', one.resolved_at && exact(one.resolved_at)],
      ['more', [make('code', `boucle incident show ${one.id}`)]]]));
  };
  const show = async () => {
    const [status, incidents] = await Promise.all([ask('status'), ask('incidents?limit=1')]);
    const rows = status.environments.map(row);
    if (!rows.length) { rows.push(make('tr', [make('td', text('nothing'))])); rows[0].firstChild.colSpan = 6; }
    document.getElementById('environments').replaceChildren(...rows);
    showIncident(incidents.items[0]);
  };
  const line = (fact) => {
    const [style, english, other] = FACTS[fact.kind] || ['minor', '', ''];
    const sentence = pick([english, other]) || fact.kind.replace('.', ': ').replaceAll('_', ' ') + ' · ' + fact.subject.replaceAll('sha256:', '');
    const bad = [fact.body.conclusion, fact.body.status].some((code) => code === 'failure' || code === 'degraded') || (fact.body.state && fact.body.state.state === 'burning');
    const passing = fact.kind === 'deployments.health_changed' && fact.body.status === 'progressing';
    const [symbol, ...kinds] = style === 'minor' || passing ? ['·', 'minor'] : (bad ? '✗ bad' : style).split(' ');
    const summary = make('summary', [clock(fact.at), make('span', symbol, kinds.join(' ')),
      make('span', fill(sentence, fact.body), 'what ' + (kinds.includes('bad') ? 'bad' : ''))]);
    const detail = pairs([['at', exact(fact.at)], ['actor', fact.actor], ['subject', fact.subject], ['kind', fact.kind],
      ['reason', fact.reason], ['sequence', String(fact.sequence)]]);
    return make('li', [make('details', [summary, detail])], kinds.filter((kind) => kind === 'minor' || kind === 'loud').join(' '));
  };

  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text);
  const facts = document.getElementById('facts');
  const every = document.getElementById('every');
  every.onchange = () => facts.classList.toggle('every', every.checked);
  try {
    let session = 'session' in document.documentElement.dataset;
    if (location.hash.length > 1) {
      const answer = await fetch('/setup', { method: 'POST', body: location.hash.slice(1) });
      history.replaceState(null, '', '/');
      session ||= answer.ok;
      if (!session) return tell(answer.status === 403 ? 'elsewhere' : 'used');
    }
    if (!session) return tell('signedOut');
    await show();
    const page = await ask('facts?limit=300&order=newest');
    facts.replaceChildren(...page.items.map(line));
    facts.classList.toggle('every', every.checked);
    document.getElementById('content').hidden = false;
    const stream = new EventSource('/api/v1/events?after=' + (page.items[0] ? page.items[0].sequence : 0));
    let due = false, busy = false;
    const refresh = async () => {
      due = true;
      if (busy) return;
      busy = true;
      while (due) {
        due = false;
        await new Promise((done) => setTimeout(done, 200));
        // A lost server is told by the stream, which asks again once it is back.
        try { await show(); } catch { state.textContent = text('gone'); }
      }
      busy = false;
    };
    stream.onopen = () => { state.textContent = text('live'); refresh(); };
    stream.onerror = () => { state.textContent = text(stream.readyState === EventSource.CLOSED ? 'ended' : 'gone'); };
    stream.addEventListener('fact', (event) => {
      facts.prepend(line(JSON.parse(event.data)));
      while (facts.children.length > 500) facts.lastChild.remove();
      refresh();
    });
    setInterval(() => { for (const time of document.querySelectorAll('time')) time.textContent = ago(time.dateTime); }, 5000);
  } catch { tell('failed'); }
})();
