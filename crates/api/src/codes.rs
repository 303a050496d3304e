//! The stable codes of problems, with what each means: `boucle explain CODE` reads this offline.

/// A code with its explanation in both languages.
pub struct Code {
    /// The code, `not-found`.
    pub code: &'static str,
    /// The HTTP status that a problem with this code has.
    pub status: u16,
    /// What happened, in English.
    pub title: &'static str,
    /// Why it happens and what to do, in English.
    pub explanation: &'static str,
    /// What happened, in French.
    pub title_fr: &'static str,
    /// Why it happens and what to do, in French.
    pub explanation_fr: &'static str,
}

/// The code of this name.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}

/// Every code, in the order of the documentation.
pub const CODES: &[Code] = &[
    Code {
        code: "not-authenticated",
        status: 401,
        title: "No valid token",
        explanation: "The request needs a token and had none, or one that is unknown, revoked or expired. Give one by BOUCLE_TOKEN, by --data DIR on the server's machine, or as the password of an HTTP clone.",
        title_fr: "Aucun jeton valable",
        explanation_fr: "La requête exige un jeton ; il manque, il est inconnu, révoqué ou expiré. Donnez-le par BOUCLE_TOKEN, par --data DIR sur la machine du serveur, ou comme mot de passe d’un clone HTTP.",
    },
    Code {
        code: "not-permitted",
        status: 403,
        title: "The token does not permit this",
        explanation: "The token's role or scope does not cover this operation. The attempt is in the ledger. An administrator can make a token with the role that the message names.",
        title_fr: "Le jeton ne le permet pas",
        explanation_fr: "Le rôle ou la portée du jeton ne couvre pas cette opération. La tentative est dans le registre. Un administrateur peut créer un jeton avec le rôle nommé dans le message.",
    },
    Code {
        code: "not-found",
        status: 404,
        title: "There is no such thing, or it is not yours to see",
        explanation: "The name is unknown on this server, or the token may not read it: both look the same so that names cannot be guessed.",
        title_fr: "Rien de ce nom, ou pas pour ce jeton",
        explanation_fr: "Le nom est inconnu sur ce serveur, ou le jeton ne peut pas le lire : les deux se ressemblent pour qu’on ne puisse pas deviner les noms.",
    },
    Code {
        code: "already-exists",
        status: 409,
        title: "The name is taken",
        explanation: "Something of this name exists already. Choose another name.",
        title_fr: "Le nom est pris",
        explanation_fr: "Quelque chose porte déjà ce nom. Choisissez-en un autre.",
    },
    Code {
        code: "moved-on",
        status: 409,
        title: "Somebody was faster",
        explanation: "What the decision was based on has changed in the meantime; nothing was done. Look again and repeat.",
        title_fr: "Quelqu’un a été plus rapide",
        explanation_fr: "Ce sur quoi reposait la décision a changé entre-temps ; rien n’a été fait. Regardez à nouveau et recommencez.",
    },
    Code {
        code: "invalid-request",
        status: 400,
        title: "The request is not well formed",
        explanation: "A field is missing, unknown or not of its form. The message names it.",
        title_fr: "La requête est mal formée",
        explanation_fr: "Un champ manque, est inconnu ou n’a pas la bonne forme. Le message le nomme.",
    },
    Code {
        code: "invalid-name",
        status: 422,
        title: "A name is not valid",
        explanation: "Names of repositories, refs and environments follow narrow rules so that they are safe in paths and commands. The message says which form is expected.",
        title_fr: "Un nom n’est pas valable",
        explanation_fr: "Les noms de dépôts, de références et d’environnements suivent des règles étroites. Le message dit quelle forme est attendue.",
    },
    Code {
        code: "not-ready",
        status: 409,
        title: "The pull request cannot be merged yet",
        explanation: "One or more gates are not passed: each reason names what is missing and who can give it. `boucle pr show NUMBER` lists them.",
        title_fr: "La demande ne peut pas encore être fusionnée",
        explanation_fr: "Une ou plusieurs conditions manquent : chaque raison dit ce qui manque et qui peut le donner. `boucle pr show NUMÉRO` les énumère.",
    },
    Code {
        code: "merge-conflict",
        status: 409,
        title: "The change conflicts with its base branch",
        explanation: "The same lines were changed on both sides. Merge or rebase onto the base branch, resolve and push again.",
        title_fr: "Le changement est en conflit avec sa branche de base",
        explanation_fr: "Les mêmes lignes ont changé des deux côtés. Fusionnez ou rebasez sur la branche de base, résolvez et poussez de nouveau.",
    },
    Code {
        code: "push-refused",
        status: 422,
        title: "The push was refused",
        explanation: "A rule of the repository forbids this update; git prints each reason beside its ref. Nothing was changed.",
        title_fr: "La poussée a été refusée",
        explanation_fr: "Une règle du dépôt interdit cette mise à jour ; git affiche chaque raison à côté de sa référence. Rien n’a changé.",
    },
    Code {
        code: "corrupt-pack",
        status: 422,
        title: "The pack that git sent is not valid",
        explanation: "Objects are missing, damaged or larger than allowed. Nothing was kept. Run `git fsck` in the clone and push again.",
        title_fr: "Le paquet envoyé par git n’est pas valable",
        explanation_fr: "Des objets manquent, sont abîmés ou trop grands. Rien n’a été gardé. Lancez `git fsck` dans le clone et poussez de nouveau.",
    },
    Code {
        code: "too-large",
        status: 413,
        title: "It is larger than allowed",
        explanation: "A budget protects the server: 100 MB for a file in Git, 1 MB for a request, 64 MB for a scrape. The message names the limit.",
        title_fr: "C’est plus grand que permis",
        explanation_fr: "Un budget protège le serveur : 100 Mo pour un fichier dans Git, 1 Mo pour une requête, 64 Mo pour une lecture de métriques. Le message nomme la limite.",
    },
    Code {
        code: "invalid-workflow",
        status: 422,
        title: "A workflow file is wrong",
        explanation: "The file uses an unknown key, a cycle in `needs`, a wrong expression or something that is not supported. Each problem has its line and column. `boucle run --check` finds them before a push.",
        title_fr: "Un fichier de workflow est faux",
        explanation_fr: "Le fichier contient une clé inconnue, un cycle dans `needs`, une expression fausse ou quelque chose qui n’est pas pris en charge. Chaque problème a sa ligne et sa colonne.",
    },
    Code {
        code: "invalid-configuration",
        status: 422,
        title: "boucle.yaml is wrong",
        explanation: "A key is unknown, a value is not of its form, or a name refers to nothing. Each problem has its line and column. A wrong configuration is refused at review.",
        title_fr: "boucle.yaml est faux",
        explanation_fr: "Une clé est inconnue, une valeur n’a pas la bonne forme ou un nom ne renvoie à rien. Chaque problème a sa ligne et sa colonne.",
    },
    Code {
        code: "render-failed",
        status: 422,
        title: "The manifests could not be rendered",
        explanation: "A kustomization or manifest is wrong; the message has file, line and column. What runs is left as it is.",
        title_fr: "Les manifestes n’ont pas pu être produits",
        explanation_fr: "Une kustomization ou un manifeste est faux ; le message donne fichier, ligne et colonne. Ce qui tourne reste en place.",
    },
    Code {
        code: "plan-blocked",
        status: 409,
        title: "The plan is blocked",
        explanation: "Something must be decided by a person or put right in Git before anything is applied: an unknown kind, objects of another application, or more deletions than the fuse lets through.",
        title_fr: "Le plan est bloqué",
        explanation_fr: "Quelque chose doit être décidé par une personne ou corrigé dans Git avant toute application : un type inconnu, des objets d’une autre application, ou plus de suppressions que le fusible n’en laisse passer.",
    },
    Code {
        code: "image-missing",
        status: 424,
        title: "The image is not there",
        explanation: "The manifest names an image that the registry does not hold. Publish it, or correct the digest.",
        title_fr: "L’image n’est pas là",
        explanation_fr: "Le manifeste nomme une image que le registre ne contient pas. Publiez-la ou corrigez l’empreinte.",
    },
    Code {
        code: "never-ready",
        status: 424,
        title: "The service did not become ready in time",
        explanation: "No replica passed its readiness probe before the deadline. The last probe answers and log lines are kept with the incident.",
        title_fr: "Le service n’est pas devenu prêt à temps",
        explanation_fr: "Aucune réplique n’a passé sa sonde avant l’échéance. Les dernières réponses et lignes de journal sont conservées avec l’incident.",
    },
    Code {
        code: "rollback-refused",
        status: 409,
        title: "There is nothing to roll back to",
        explanation: "No earlier healthy revision is known, the newest change is itself a rollback, or another rollback happened within the window. The reasons say which.",
        title_fr: "Il n’y a rien vers quoi revenir",
        explanation_fr: "Aucune révision saine n’est connue, le dernier changement est déjà un retour arrière, ou un autre a eu lieu dans la fenêtre. Les raisons disent laquelle.",
    },
    Code {
        code: "quarantined",
        status: 409,
        title: "This revision is in quarantine",
        explanation: "It was rolled back because of an incident and is not promoted again. A fix needs a new build.",
        title_fr: "Cette révision est en quarantaine",
        explanation_fr: "Elle a été retirée à cause d’un incident et n’est plus promue. Une correction exige une nouvelle construction.",
    },
    Code {
        code: "unsupported-query",
        status: 422,
        title: "The embedded store does not answer this query",
        explanation: "It answers a tested part of PromQL and refuses the rest instead of being wrong. Connect a Prometheus server for all of it.",
        title_fr: "Le magasin intégré ne répond pas à cette requête",
        explanation_fr: "Il répond à une partie éprouvée de PromQL et refuse le reste plutôt que de se tromper. Connectez un serveur Prometheus pour le tout.",
    },
    Code {
        code: "disk-full",
        status: 507,
        title: "The disk is full",
        explanation: "The write was refused and nothing is half done; reading goes on. Free some space: writing resumes by itself.",
        title_fr: "Le disque est plein",
        explanation_fr: "L’écriture a été refusée et rien n’est à moitié fait ; la lecture continue. Libérez de l’espace : l’écriture reprend d’elle-même.",
    },
    Code {
        code: "setup-used",
        status: 410,
        title: "The set-up link was used or is too old",
        explanation: "The link works once, for 30 minutes, from this machine. Start the server again to get another one.",
        title_fr: "Le lien de mise en route a servi ou a expiré",
        explanation_fr: "Le lien sert une fois, pendant 30 minutes, depuis cette machine. Redémarrez le serveur pour en obtenir un autre.",
    },
    Code {
        code: "data-in-use",
        status: 409,
        title: "The data folder is in use",
        explanation: "Another server works on this folder; two would damage it. The message has its process id.",
        title_fr: "Le dossier de données est utilisé",
        explanation_fr: "Un autre serveur travaille sur ce dossier ; deux l’abîmeraient. Le message donne son numéro de processus.",
    },
    Code {
        code: "unreachable",
        status: 503,
        title: "The server cannot be reached",
        explanation: "Nothing answers at this address. Start it with `boucle up`, or name another by BOUCLE_URL or --data.",
        title_fr: "Le serveur est injoignable",
        explanation_fr: "Rien ne répond à cette adresse. Lancez-le par `boucle up`, ou nommez-en un autre par BOUCLE_URL ou --data.",
    },
    Code {
        code: "internal",
        status: 500,
        title: "Something failed inside the server",
        explanation: "This is a fault of Boucle, not of the request. The server's log has the chain of causes beside this code.",
        title_fr: "Quelque chose a échoué dans le serveur",
        explanation_fr: "C’est une faute de Boucle, pas de la requête. Le journal du serveur contient la chaîne des causes à côté de ce code.",
    },
];
