#!/opt/puppetlabs/puppet/bin/ruby
# SPDX-License-Identifier: Apache-2.0
require 'json'

given = JSON.parse($stdin.read)
noop = given['_noop'] ? true : false
File.write(given['file'], given['ensure']) unless noop
puts({ 'by' => 'ruby', 'noop' => noop, 'ensure' => given['ensure'] }.to_json)
