# SPDX-License-Identifier: Apache-2.0
# Made by completions/generate.py from `latent help --json`; do not edit.

complete -c latent -f
complete -c latent -l data -x -a '(__fish_complete_directories)' -d 'where the index is kept (default: $LATENT_DATA, then ~/.local/share/latent)'
complete -c latent -l model -x -a '(__fish_complete_directories)' -d 'the model\'s folder (default: $LATENT_MODEL, then the built-in model)'
complete -c latent -l collection -x -d 'the collection within the index (default: photos)'
complete -c latent -l help -s h -d 'show help and exit'
complete -c latent -l version -s V -d 'show the version and exit'
complete -c latent -n __fish_use_subcommand -a index -d 'put pictures and folders of pictures into the index'
complete -c latent -n __fish_use_subcommand -a search -d 'find pictures by words, by a picture, or by both'
complete -c latent -n __fish_use_subcommand -a embed -d 'print the vectors of texts and pictures'
complete -c latent -n __fish_use_subcommand -a serve -d 'offer the model and collections over HTTP to other programs'
complete -c latent -n __fish_use_subcommand -a info -d 'show where the index is and what is in it'
complete -c latent -n __fish_use_subcommand -a forget -d 'take pictures out of the index'
complete -c latent -n __fish_use_subcommand -a check -d 'verify that everything stored is whole'
complete -c latent -n __fish_use_subcommand -a stat -d 'show figures of collections and their files'
complete -c latent -n __fish_use_subcommand -a dump -d 'print the points of a collection as JSON lines'
complete -c latent -n __fish_use_subcommand -a model -d 'list models, or check that one works'
complete -c latent -n __fish_use_subcommand -a eval -d 'measure how well a model finds captioned photos'
complete -c latent -n __fish_use_subcommand -a help -d 'explain a command'
complete -c latent -n __fish_use_subcommand -a version -d 'print the version'

complete -c latent -n '__fish_seen_subcommand_from index' -F
complete -c latent -n '__fish_seen_subcommand_from index' -l prune -d 'forget pictures below PATH whose files are gone'
complete -c latent -n '__fish_seen_subcommand_from index' -l exclude -s x -x -d 'leave out files and folders whose name or path matches; may be given again'
complete -c latent -n '__fish_seen_subcommand_from index' -l watch -s w -d 'go on and index what changes, until Ctrl-C'
complete -c latent -n '__fish_seen_subcommand_from index' -l follow-links -s L -d 'descend into linked folders'
complete -c latent -n '__fish_seen_subcommand_from index' -l threads -s j -x -d 'pictures worked on at a time (default: one a core)'
complete -c latent -n '__fish_seen_subcommand_from index' -l json -d 'print one JSON object a line: what is stored, what failed, a summary'
complete -c latent -n '__fish_seen_subcommand_from index' -l quiet -s q -d 'print nothing but failures'
complete -c latent -n '__fish_seen_subcommand_from index' -l fail-on-error -d 'exit with 1 if a picture could not be indexed'

complete -c latent -n '__fish_seen_subcommand_from search' -l image -s i -r -F -d 'search by a picture, with or without words; may be given again'
complete -c latent -n '__fish_seen_subcommand_from search' -l minus -x -d 'away from what these words say; may be given again'
complete -c latent -n '__fish_seen_subcommand_from search' -l weight -x -d 'how much words, image (default: 1) or minus (0.5) count; may be given again'
complete -c latent -n '__fish_seen_subcommand_from search' -l limit -s k -x -d 'how many hits at most (default: 10)'
complete -c latent -n '__fish_seen_subcommand_from search' -l min-score -x -d 'leave out hits with a lower score'
complete -c latent -n '__fish_seen_subcommand_from search' -l min-relevance -x -d 'leave out hits with a lower relevance, 0 to 1; 0 shows all'
complete -c latent -n '__fish_seen_subcommand_from search' -l in -x -a '(__fish_complete_directories)' -d 'only pictures below this folder; may be given again'
complete -c latent -n '__fish_seen_subcommand_from search' -l after -x -d 'only pictures taken from the beginning of DATE on'
complete -c latent -n '__fish_seen_subcommand_from search' -l before -x -d 'only pictures taken before the beginning of DATE'
complete -c latent -n '__fish_seen_subcommand_from search' -l near -x -d 'only pictures taken within KM kilometres of a place'
complete -c latent -n '__fish_seen_subcommand_from search' -l filter -x -d 'only pictures whose payload passes a filter in Qdrant\'s form'
complete -c latent -n '__fish_seen_subcommand_from search' -l json -d 'print one JSON object a hit: filename, score, relevance, id, payload'
complete -c latent -n '__fish_seen_subcommand_from search' -l html -r -F -d 'also write the hits as a page with small pictures'
complete -c latent -n '__fish_seen_subcommand_from search' -l append -d 'with --html: add to a page that is there'
complete -c latent -n '__fish_seen_subcommand_from search' -l no-pictures -d 'show no small pictures in the terminal'

complete -c latent -n '__fish_seen_subcommand_from embed' -F
complete -c latent -n '__fish_seen_subcommand_from embed' -l text -s t -x -d 'a text to embed; may be given again'
complete -c latent -n '__fish_seen_subcommand_from embed' -l stdin-files -d 'also the files named on standard input, one a line'
complete -c latent -n '__fish_seen_subcommand_from embed' -l stdin-text -d 'also the texts on standard input, one a line'
complete -c latent -n '__fish_seen_subcommand_from embed' -l dims -x -d 'only the first K dimensions, made unit length again'
complete -c latent -n '__fish_seen_subcommand_from embed' -l threads -s j -x -d 'threads to use (default: one a core)'
complete -c latent -n '__fish_seen_subcommand_from embed' -l json -d 'print JSON, which is what is printed anyway'

complete -c latent -n '__fish_seen_subcommand_from serve' -l host -x -d 'where to listen (default: 127.0.0.1, this machine only)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l port -s p -x -d 'the port (default: 6333; 0: any free one)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l api-key -x -d 'ask clients for this key (default: $LATENT_API_KEY)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l read-only-api-key -x -d 'a second key that may only read (default: $LATENT_READ_ONLY_API_KEY)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l jwt-rbac -d 'take JSON Web Tokens, too, that the API key has signed'
complete -c latent -n '__fish_seen_subcommand_from serve' -l insecure -d 'listen on a public address although everybody may then use it'
complete -c latent -n '__fish_seen_subcommand_from serve' -l tls-cert -r -F -d 'speak TLS with this certificate (PEM)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l tls-key -r -F -d 'the certificate\'s key (PEM)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l alias -x -d 'answer to this model name too; may be given again (default: the luminous names)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l workers -x -d 'requests handled at a time (default: 256)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l queue -x -d 'requests that may wait beside them; one more is told to come again (default: 256)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l timeout -x -d 'seconds after which what still waits is given up (default: 60)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l max-body -x -d 'largest request body in MB (default: 32)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l batch-wait -x -d 'microseconds that texts wait for company (default: 0)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l preload -d 'load the model before listening (default: at the first request that needs it)'
complete -c latent -n '__fish_seen_subcommand_from serve' -l config -r -F -d 'settings in JSON, under the names of Qdrant\'s; options and the environment go before it'
complete -c latent -n '__fish_seen_subcommand_from serve' -l print-config -d 'print all settings, under both names, and where each was said, and do nothing'
complete -c latent -n '__fish_seen_subcommand_from serve' -l quiet -s q -d 'do not print the address'

complete -c latent -n '__fish_seen_subcommand_from info' -l json -d 'print one JSON object'

complete -c latent -n '__fish_seen_subcommand_from forget' -F
complete -c latent -n '__fish_seen_subcommand_from forget' -l all -d 'forget the whole collection'
complete -c latent -n '__fish_seen_subcommand_from forget' -l yes -s y -d 'do not ask'
complete -c latent -n '__fish_seen_subcommand_from forget' -l dry-run -s n -d 'only list what would be forgotten'
complete -c latent -n '__fish_seen_subcommand_from forget' -l quiet -s q -d 'print nothing but errors'

complete -c latent -n '__fish_seen_subcommand_from check' -l json -d 'print one JSON object a collection, with its faults'

complete -c latent -n '__fish_seen_subcommand_from stat' -l json -d 'print one JSON object a collection'

complete -c latent -n '__fish_seen_subcommand_from dump' -l filter -x -d 'only points that pass this filter (Qdrant\'s form)'
complete -c latent -n '__fish_seen_subcommand_from dump' -l no-vectors -d 'leave the vectors out'
complete -c latent -n '__fish_seen_subcommand_from dump' -l no-payload -d 'leave the payloads out'

complete -c latent -n '__fish_seen_subcommand_from model' -a 'list check'
complete -c latent -n '__fish_seen_subcommand_from model' -l json -d 'print one JSON object a line'

complete -c latent -n '__fish_seen_subcommand_from eval' -F
complete -c latent -n '__fish_seen_subcommand_from eval' -l photos -x -a '(__fish_complete_directories)' -d 'where the photos are (default: the folder of FILE)'
complete -c latent -n '__fish_seen_subcommand_from eval' -l dims -x -d 'measure with the first K dimensions only'
complete -c latent -n '__fish_seen_subcommand_from eval' -l threads -s j -x -d 'threads to use (default: one a core)'
complete -c latent -n '__fish_seen_subcommand_from eval' -l json -d 'print one JSON object a language and direction'

complete -c latent -n '__fish_seen_subcommand_from help' -a 'index search embed serve info forget check stat dump model eval help version'
complete -c latent -n '__fish_seen_subcommand_from help' -l json -d 'print all commands and options as one JSON object'

complete -c latent -n '__fish_seen_subcommand_from version' -l json -d 'print one JSON object'
