//! An example for each command: the line, and what it does in each language.

/// A command line and what it does.
pub struct Example {
    /// The command that it belongs to, without the program's name.
    command: &'static str,
    /// The line as one would write it.
    pub line: &'static str,
    /// What it does, in English.
    pub english: &'static str,
    /// What it does, in French.
    pub french: &'static str,
}

/// The examples of a command.
pub fn of(command: &str) -> impl Iterator<Item = &'static Example> {
    EXAMPLES.iter().filter(move |example| example.command == command)
}

/// Below the help of the program itself.
pub const EXIT_CODES: &str = "\n\nExit codes: 0 done, 1 failed, 2 usage, 3 conflict, 4 not authenticated, 5 not permitted,\n6 not found, 7 timeout, 8 unreachable, 10 differences found, 11 unhealthy or rolled back";

const fn example(
    command: &'static str,
    line: &'static str,
    english: &'static str,
    french: &'static str,
) -> Example {
    Example { command, line, english, french }
}

const EXAMPLES: &[Example] = &[
    example(
        "",
        "boucle up --demo",
        "start here, with the demonstration",
        "démarrer ici, avec la démonstration",
    ),
    example(
        "",
        "boucle demo break --wait",
        "push a bad change and watch it roll back",
        "pousser un mauvais changement et le voir revenir",
    ),
    example(
        "",
        "boucle trace sha256:1f2e",
        "from an image to its commit, author and reviewers",
        "d’une image à son commit, son auteur, ses relecteurs",
    ),
    example("up", "boucle up --port 0", "on any free port", "sur un port libre quelconque"),
    example(
        "up",
        "boucle up --metrics-url http://127.0.0.1:9090",
        "with a Prometheus server",
        "avec un serveur Prometheus",
    ),
    example(
        "up",
        "boucle up --kubeconfig ~/.kube/config --argocd-namespace argocd",
        "for Argo CD's objects",
        "pour les objets d’Argo CD",
    ),
    example(
        "up",
        "boucle up --charts-from charts.example.com --charts-from ghcr.io",
        "with charts of these hosts",
        "avec les charts de ces hôtes",
    ),
    example(
        "up",
        "boucle up --renderer cdk=/usr/local/bin/render-cdk",
        "with a renderer of your own",
        "avec votre propre programme de rendu",
    ),
    example(
        "up",
        "boucle up --kubeconfig ~/.kube/config --flux-namespace flux-system",
        "for Flux's objects",
        "pour les objets de Flux",
    ),
    example(
        "status",
        "boucle status --watch",
        "full screen, kept up to date",
        "en plein écran, tenu à jour",
    ),
    example("doctor", "boucle doctor", "what would hinder it here", "ce qui gênerait ici"),
    example(
        "diff",
        "boucle diff hello-production",
        "exit code 10 when there is a difference",
        "code 10 s’il y a un écart",
    ),
    example(
        "trace",
        "boucle trace Deployment/hello",
        "from what runs to who brought it",
        "de ce qui tourne à qui l’a amené",
    ),
    example(
        "logs",
        "boucle logs -f hello-staging",
        "of an application, as it comes",
        "d’une application, au fil de l’eau",
    ),
    example("logs", "boucle logs run/3/test", "of a job", "d’une tâche"),
    example(
        "wait",
        "boucle wait hello-staging --timeout-seconds 60",
        "exit code 11 when it is degraded",
        "code 11 si elle est dégradée",
    ),
    example(
        "rollback",
        "boucle rollback hello-production --preview",
        "what the revert commit would change",
        "ce que changerait le commit d’annulation",
    ),
    example(
        "lint",
        "boucle lint",
        "all workflows of the repository",
        "tous les workflows du dépôt",
    ),
    example("lint", "boucle lint ci --sarif", "for another tool", "pour un autre outil"),
    example(
        "explain",
        "boucle explain not-permitted",
        "what a code means",
        "ce que veut dire un code",
    ),
    example(
        "open",
        "boucle open",
        "the page of the clone you are in",
        "la page du clone où vous êtes",
    ),
    example(
        "open",
        "boucle open demo/hello#3 --print",
        "only its address",
        "seulement son adresse",
    ),
    example("docs", "boucle docs tutorial", "read it here", "le lire ici"),
    example(
        "completions",
        "boucle completions bash",
        "for ~/.bashrc: source <(boucle completions bash)",
        "dans ~/.bashrc : source <(boucle completions bash)",
    ),
    example("man", "boucle man --folder man", "a page for each command", "une page par commande"),
    example(
        "repo create",
        "boucle repo create me/hello --public",
        "readable by everybody who reaches it",
        "lisible par tous ceux qui l’atteignent",
    ),
    example(
        "repo list",
        "boucle repo list -o jsonl",
        "a line each, for programs",
        "une ligne chacun, pour les programmes",
    ),
    example(
        "repo show",
        "boucle repo show demo/hello",
        "its refs and what is wrong with its files",
        "ses références et ce qui ne va pas dans ses fichiers",
    ),
    example(
        "repo log",
        "boucle repo log demo/hello --limit 5",
        "the five newest commits",
        "les cinq derniers commits",
    ),
    example(
        "pr open",
        "boucle pr open demo/hello --head long-names",
        "from a branch that was pushed",
        "depuis une branche poussée",
    ),
    example("pr list", "boucle pr list demo/hello", "the newest first", "les dernières d’abord"),
    example(
        "pr show",
        "boucle pr show demo/hello 3",
        "and why it cannot be merged yet",
        "et pourquoi elle ne peut être fusionnée",
    ),
    example(
        "pr diff",
        "boucle pr diff demo/hello 3",
        "the source, and what changes where it runs",
        "la source, et ce qui change où elle tourne",
    ),
    example(
        "pr checkout",
        "boucle pr checkout demo/hello 3",
        "on branch pr-3",
        "sur la branche pr-3",
    ),
    example(
        "pr review",
        "boucle pr review demo/hello 3 --approve",
        "it may be merged",
        "elle peut être fusionnée",
    ),
    example(
        "pr approve",
        "boucle pr approve demo/hello 3",
        "the newest patch set",
        "le dernier jeu",
    ),
    example(
        "pr request-changes",
        "boucle pr request-changes demo/hello 3 --body 'Tests?'",
        "say what is missing",
        "dire ce qui manque",
    ),
    example(
        "pr comment",
        "boucle pr comment demo/hello 3 --path a.rs --line 7 --body 'Why?'",
        "on a line",
        "sur une ligne",
    ),
    example(
        "pr merge",
        "boucle pr merge demo/hello 3 --when-ready",
        "as soon as nothing is missing",
        "dès que rien ne manque",
    ),
    example("pr close", "boucle pr close demo/hello 3", "without merging", "sans fusionner"),
    example(
        "run",
        "boucle run ci --job test",
        "here, on the working tree",
        "ici, sur l’arbre de travail",
    ),
    example(
        "run list",
        "boucle run list --repository demo/hello",
        "the newest first",
        "les dernières d’abord",
    ),
    example(
        "run show",
        "boucle run show 3",
        "and why jobs were skipped",
        "et pourquoi des tâches ont été sautées",
    ),
    example(
        "run watch",
        "boucle run watch 3",
        "to its end; exit code 1 when it fails",
        "jusqu’au bout ; code 1 si elle échoue",
    ),
    example("run cancel", "boucle run cancel 3", "stop it", "l’arrêter"),
    example(
        "run rerun",
        "boucle run rerun 3 --failed",
        "what failed and what depends on it",
        "ce qui a échoué et ce qui en dépend",
    ),
    example(
        "run dispatch",
        "boucle run dispatch demo/hello ci.yaml --input level=full",
        "by hand",
        "à la main",
    ),
    example("app list", "boucle app list", "with sync and health", "avec synchro et santé"),
    example("app show", "boucle app show hello-production", "with its objects", "avec ses objets"),
    example(
        "app history",
        "boucle app history hello-production",
        "the newest first",
        "les derniers d’abord",
    ),
    example(
        "app events",
        "boucle app events hello-production",
        "why a pod does not start",
        "pourquoi un pod ne démarre pas",
    ),
    example(
        "app diff",
        "boucle app diff hello-production",
        "exit code 10 when there is a difference",
        "code 10 s’il y a un écart",
    ),
    example(
        "app rollback",
        "boucle app rollback hello-production --reason 'Slow'",
        "by a revert commit",
        "par un commit d’annulation",
    ),
    example(
        "app sync",
        "boucle app sync hello --prune",
        "also what left Git goes",
        "ce qui a quitté Git s’en va aussi",
    ),
    example(
        "app unstick",
        "boucle app unstick hello",
        "its failure is then on record",
        "son échec est alors consigné",
    ),
    example("app action list", "boucle app action list hello", "of each object", "de chaque objet"),
    example(
        "app action run",
        "boucle app action run hello Deployment/shop/web restart",
        "nothing that Git sets",
        "rien de ce que Git fixe",
    ),
    example(
        "app confirm-deletions",
        "boucle app confirm-deletions hello Service/old",
        "as the blocked plan named it",
        "comme le plan bloqué l’a nommé",
    ),
    example(
        "cluster add",
        "boucle cluster add east --repository team/fleet --into deploy/applications",
        "the file names the credential, the server keeps it",
        "le fichier nomme l’accès, le serveur le garde",
    ),
    example(
        "charts add",
        "boucle charts add https://charts.example.com --repository team/fleet --username reader --into deploy/applications",
        "the file names the password, the server keeps it",
        "le fichier nomme le mot de passe, le serveur le garde",
    ),
    example("cluster list", "boucle cluster list", "whether each answers", "si chacun répond"),
    example(
        "cluster doctor",
        "boucle cluster doctor east",
        "exit code 10 when something is missing",
        "le code de sortie est 10 si quelque chose manque",
    ),
    example(
        "migrate",
        "boucle migrate argocd --cluster prod --dry-run",
        "what would change hands",
        "ce qui changerait de main",
    ),
    example(
        "migrate",
        "boucle migrate flux --cluster prod --into deploy/applications",
        "write the files to commit",
        "écrire les fichiers à mettre dans Git",
    ),
    example("env list", "boucle env list", "what runs in each", "ce qui tourne dans chacun"),
    example(
        "env promote",
        "boucle env promote demo/hello production --artifact hello --digest sha256:1f2e",
        "by hand",
        "à la main",
    ),
    example("incident list", "boucle incident list", "the newest first", "les derniers d’abord"),
    example(
        "incident show",
        "boucle incident show 1",
        "with evidence and timeline",
        "avec preuves et chronologie",
    ),
    example(
        "audit list",
        "boucle audit list --kind repositories. --limit 10",
        "facts on repositories",
        "des faits sur les dépôts",
    ),
    example(
        "audit verify",
        "boucle audit verify ledger.jsonl",
        "offline, on an export",
        "hors ligne, sur un export",
    ),
    example(
        "audit export",
        "boucle audit export",
        "every fact, for keeping elsewhere",
        "chaque fait, à garder ailleurs",
    ),
    example(
        "demo break",
        "boucle demo break --wait",
        "exit code 11: it was rolled back",
        "code 11 : elle est revenue en arrière",
    ),
    example(
        "secret set",
        "boucle secret set demo/hello DEPLOY_KEY",
        "from standard input, never as an argument",
        "par l’entrée standard, jamais en argument",
    ),
    example(
        "secret list",
        "boucle secret list demo/hello",
        "without their values",
        "sans leurs valeurs",
    ),
    example(
        "secret remove",
        "boucle secret remove demo/hello DEPLOY_KEY",
        "for jobs that start from now on",
        "pour les tâches qui démarrent désormais",
    ),
    example(
        "notification list",
        "boucle notification list demo/hello",
        "and how the last one went",
        "et le sort de la dernière",
    ),
    example(
        "notification test",
        "boucle notification test demo/hello chat",
        "signed like a real one",
        "signé comme une vraie",
    ),
    example(
        "run results",
        "boucle run results 12",
        "annotations, summaries, artifacts",
        "annotations, résumés, artefacts",
    ),
    example(
        "run download",
        "boucle run download 12 report",
        "writes report.tar.gz",
        "écrit report.tar.gz",
    ),
    example(
        "token create",
        "boucle token create ada --role write --valid-days 30",
        "shown this once",
        "montré cette seule fois",
    ),
    example("token list", "boucle token list", "without their secrets", "sans leurs secrets"),
    example("token revoke", "boucle token revoke 3", "at once", "tout de suite"),
    example("admin rebuild-views", "boucle admin rebuild-views", "and compare", "et comparer"),
];
