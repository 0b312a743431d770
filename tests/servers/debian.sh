# Programs from one release of Debian, whatever the system is: unpacked below a folder and not installed, so that nothing
# of the system changes and no service starts.
# shellcheck shell=bash

# debian_begin FOLDER: learns there what the release has. The mirror is the system's own, where it has one.
debian_begin() {
    local folder=$1 mirrors mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e "$keyring" ] || install_packages debian-archive-keyring
    mirrors=${LONGSHORE_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/$')} ||
        fail "this system has no mirror of Debian among its sources: name one in LONGSHORE_DEBIAN_MIRROR"
    mirror=${mirrors%%$'\n'*}
    mkdir -p "$folder"/{lists,cache,packages}
    echo "deb [signed-by=$keyring] $mirror bookworm main" >"$folder/sources.list"
    echo "deb-src [signed-by=$keyring] $mirror bookworm main" >>"$folder/sources.list"
    cat >"$folder/apt.conf" <<-END
	Dir::Etc::sourcelist "$folder/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State::lists "$folder/lists";
	Dir::Cache "$folder/cache";
	APT::Sandbox::User "";
	Acquire::Languages "none";
	END
    debian_apt "$folder" update
}

# debian_apt FOLDER ARGUMENT…: apt-get for the release.
debian_apt() {
    (cd "$1" && APT_CONFIG="$1/apt.conf" apt-get -qq "${@:2}")
}

# debian_unpack FOLDER INTO PACKAGE…: what is in these packages, without their dependencies.
debian_unpack() {
    local folder=$1 package
    (cd "$folder/packages" && APT_CONFIG="$folder/apt.conf" apt-get -qq download "${@:3}")
    for package in "$folder"/packages/*.deb; do
        dpkg-deb -x "$package" "$2"
        rm "$package"
    done
}
