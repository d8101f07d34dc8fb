# bash completion of mohr(1)
_mohr()
{
        local commands='status queue show blank hopper match print inspect write confirm spoil missing found void dispatch withdrawn
                sort resume unknown rebound cases case sync fsck
                audit states doctor verify'
        local causes='print_shifted print_streaks print_colour print_ribbon print_side print_data print_unreadable card_jam
                card_surface card_dust serial_bad chip_mute chip_refused chip_partial power_fault other'
        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
        local options='--json --socket --config --help'

        if ((COMP_CWORD == 1)); then
                mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
                return
        fi
        case $before in
        --cause)
                mapfile -t COMPREPLY < <(compgen -W "$causes" -- "$word")
                return
                ;;
        --socket | --config | --document | --withdrawn | --portal-ca | --photo | --ca | --ledger)
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                return
                ;;
        --line | resume)
                mapfile -t COMPREPLY < <(compgen -W "$(mohr status --json 2>/dev/null | sed -n 's/^      "line": "\(.*\)",$/\1/p')" \
                        -- "$word")
                return
                ;;
        esac
        case $command in
        queue) options+=' --limit' ;;
        show) options+=' --photo' ;;
        blank) options+=' add' ;;
        hopper) options+=' load unload' ;;
        match) options+=' --worksheet' ;;
        print) options+=' --line --worksheet --no-wait' ;;
        inspect) options+=' good spoiled --serial --face --cause --text --line --no-chip' ;;
        write) options+=' --serial --line --no-wait' ;;
        confirm) options+=' --mismatch --yes --photo' ;;
        spoil) options+=' --cause --text --line --no-chip --no-wait' ;;
        found) options+=' --face --chip' ;;
        void) options+=' --minutes --document --text --line --no-chip --no-wait' ;;
        dispatch) options+=' --letter --acknowledged' ;;
        sort) options+=' --line --card --next' ;;
        unknown) options+=' decide came_out none_came_out lost --serial' ;;
        rebound) options+=' no_card card_found --serial --face' ;;
        cases) options+=' --all' ;;
        case) options+=' close found_spoiled voided blank_counted blank_used blank_missing card_spoiled no_card settle_issued put_right
                settle_bound headquarters_told agreed head_agreed --text' ;;
        fsck) options+=' --ledger --portal --list' ;;
        audit) options+=' verify list --ledger --after' ;;
        states) options+=' --dot' ;;
        verify) options+=' --reader --line --ca --photo --qr --signer --withdrawn --portal-ca --wait' ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
complete -F _mohr mohr
