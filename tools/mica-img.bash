# Bash completion of mica-img, mica-io and mica-nbd: words are taken from their own help
# SPDX-License-Identifier: GPL-2.0-or-later

# The usage line of one command, or of all.
_mica_img_usage() {
    "$1" --help 2>/dev/null | sed -n '/^Command syntax:/,/^$/s/^  //p' |
        if [ -n "$2" ]; then grep "^$2 "; else cat; fi
}

_mica_img() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local words=
    if [ "$COMP_CWORD" = 1 ]; then
        words="$(_mica_img_usage "$1" | cut -d' ' -f1) --help --version"
    elif [[ $prev == -[fFO] ]]; then
        words=$("$1" --help 2>/dev/null | sed -n 's/^Supported formats: //p')
    elif [[ $prev == -[tT] ]]; then
        words='none writeback writethrough directsync unsafe'
    elif [ "$command $prev" = 'check -r' ]; then
        words='leaks all'
    elif [[ $cur == -* ]]; then
        words=$(_mica_img_usage "$1" "$command" | grep -oE -e '--?[A-Za-z][a-z-]*=?' | sort -u)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [ -z "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
    case ${COMPREPLY[0]} in
    *=) compopt -o nospace ;;
    esac
}

_mica_io() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
    if [ "$prev" = -c ] || [ "$prev" = --cmd ]; then
        words=$("$1" -c help 2>/dev/null | sed -n 's/^\([a-z_]*\) .*-- .*/\1/p')
    elif [ "$prev" = -f ]; then
        words=$(mica-img --help 2>/dev/null | sed -n 's/^Supported formats: //p')
    elif [ "$prev" = -t ]; then
        words='none writeback writethrough directsync unsafe'
    elif [[ $cur == -* ]]; then
        words=$("$1" --help 2>/dev/null | grep -oE -e '--[a-z-]+=?|-[A-Za-z],' | tr -d , | sort -u)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [ -z "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

_mica_nbd() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
    if [ "$prev" = -f ]; then
        words=$(mica-img --help 2>/dev/null | sed -n 's/^Supported formats: //p')
    elif [[ $cur == -* ]]; then
        words=$("$1" --help 2>/dev/null | grep -oE -e '--[a-z-]+=?|-[A-Za-z],' | tr -d , | sort -u)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    if [ -z "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
    case ${COMPREPLY[0]} in
    *=) compopt -o nospace ;;
    esac
}

complete -o filenames -F _mica_img mica-img
complete -o filenames -F _mica_io mica-io
complete -o filenames -F _mica_nbd mica-nbd
