# The surroundings of one real node. Arguments: `init` or `clean`, the node's folder, the name of its
# bridge and of its control groups, the bridge's address.
set -eu
task=$1 folder=$2 name=$3 address=$4

# Paths that containerd, the network plug-ins and the kubelet have built in: the node sees folders of
# its own there. On the machine they stay empty, and stay: another node may stand on them.
built_in="/run/containerd /var/lib/cni /var/lib/kubelet /var/log/containers"

# The first process of the node's process and mount namespaces: what is in them ends with it.
init() {
    trap leave TERM
    # The machine sees none of the node's mounts.
    mount --make-rslave /
    mount -t proc proc /proc
    for path in $built_in; do
        mkdir -p "$folder/built-in$path" "$path"
        mount --bind "$folder/built-in$path" "$path"
    done
    hide_settings
    make_groups
    ip link add "$name" type bridge
    ip address add "$address" dev "$name"
    ip link set "$name" up
    : >"$folder/entered"
    # While it waits it also buries processes whose parents are gone.
    sleep infinity &
    wait
}

# A kubelet sets these for the whole machine unless they are as it wants them: so it reads.
hide_settings() {
    for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
        kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
        shown="$folder/settings/${setting%=*}"
        mkdir -p "${shown%/*}"
        echo "${setting#*=}" >"$shown"
        mount --bind "$shown" "/proc/sys/${setting%=*}"
    done
}

make_groups() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        for controller in cpu cpuset io memory pids; do
            echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
        done
        mkdir -p "/sys/fs/cgroup/$name"
    else
        for hierarchy in /sys/fs/cgroup/*/; do
            mkdir -p "$hierarchy$name"
        done
    fi
}

leave() {
    kill -9 -1
    wait
    clean
    exit
}

# What the kernel does not take back with the last process.
clean() {
    tries=50
    while groups=$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$name") && [ -n "$groups" ]; do
        # Processes that were killed a moment ago still count.
        find $groups -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "control groups are still in use: $groups" >&2; exit 1; }
    done
    [ ! -e "/sys/class/net/$name" ] || ip link delete "$name"
}

"$task"
